"""What the machine and the system offer: processes, temporary folders, locks, hardware, versions."""
