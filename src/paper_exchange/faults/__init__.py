"""Faults on request: rules that say where, when and how the exchange misbehaves. Pure; the gateway carries them out."""
