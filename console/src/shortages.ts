/** What a first training may lack, by the name that the service gives it. */
export const SHORTAGES: Record<string, string> = {
  events: 'Events',
  usersWithHistory: 'Users with history',
  items: 'Items',
}
