export function readCommand(
  args: string[],
): { do: 'list' } | { do: 'remove'; name: string } | { do: 'provide'; name: string; wheel: boolean }
