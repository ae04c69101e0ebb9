"""Documents for people: receipts and credit notes as PDF, and credit notes' numbers."""
