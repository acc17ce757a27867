"""Inference: trained tasks are loaded, evaluated and exported."""
