"""The improviser, sans-IO: given events and the time, it answers with events and when to wake it."""
