"""A user's own live model and images, evaluated in their own process without a spec."""
