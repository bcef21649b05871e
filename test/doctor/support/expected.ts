/** What is said of every Envoy of a line, however well it is configured. */
export const OF_THE_LINE: Readonly<Record<string, readonly string[]>> = { '1.40': [], '1.36': ['CSD710'] };
