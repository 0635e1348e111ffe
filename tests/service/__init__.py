"""The whole service as its users run it: real processes, real sockets, killed and restarted."""
