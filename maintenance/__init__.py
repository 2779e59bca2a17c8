"""What maintainers run now and then to renew tables that are kept in the project. Not part of the package."""
