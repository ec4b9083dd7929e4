export function addressIn(page: string, file: string, base: string): string | null
