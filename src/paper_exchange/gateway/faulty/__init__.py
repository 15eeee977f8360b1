"""Where faults become deeds: a REST API and sockets that ask a plan about every request and message, and an oracle."""
