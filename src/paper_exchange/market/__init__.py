"""Where prices come from: the symbols, their public record, and the sources that keep their books alive."""
