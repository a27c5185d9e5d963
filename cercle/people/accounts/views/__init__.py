"""Screens of accounts: the door, one's own account, the links received, a structure's accounts, the region's."""
