"""Tables of materials: what properties and exporters read of the phases."""
