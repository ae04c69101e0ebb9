"""The drivers' pages: behind the QR code, the live charge, the receipt."""
