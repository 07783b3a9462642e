"""The dialect of editors that were written for Copilot."""
