"""What is done to the finished field."""
