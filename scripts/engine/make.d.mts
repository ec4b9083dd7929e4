export function requireTools(
  name: string,
  machine?: { platform: string; arch: string; has: (program: string) => boolean },
): void
