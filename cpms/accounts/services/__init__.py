"""The only writers of the accounts room."""
