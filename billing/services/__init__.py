"""The only writers of billing. Public: ``ordering``, ``tariffs``, ``receipts``."""
