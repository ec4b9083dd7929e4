export type Place = (name: string) => string | null
export function unzip(archive: string, folder: string, place: Place): Promise<void>
export function untar(archive: string, folder: string, place: Place): void
