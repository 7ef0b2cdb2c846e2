"""A stand-in for SLS: one process that answers the calls of a consumer-group dashboard and of the SDKs."""
