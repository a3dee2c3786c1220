"""Sending and receiving: the clients, their connections, clocks, limits and retries. All I/O is here."""
