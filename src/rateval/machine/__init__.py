"""What the computer offers: device, precision, memory, interrupts, environment."""
