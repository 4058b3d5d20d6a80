"""The paper's claims as numbers: each has a measure here, a printed row and a test."""
