"""What those who maintain Spinfleet run now and then; nothing of it ships."""
