"""Tests of one line's runs against another's, stars, and what few runs can show."""
