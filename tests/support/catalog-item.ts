import type { CatalogItem } from '../../src/catalog/item.js'

/** An item of which nothing is told but its id. */
export const catalogItem = (itemId: string, fields: Partial<CatalogItem> = {}): CatalogItem => ({
  itemId,
  title: null,
  description: null,
  categories: [],
  attributes: {},
  url: null,
  imageUrl: null,
  price: null,
  available: true,
  publishedAt: null,
  expiresAt: null,
  createdAt: new Date(0),
  deleted: false,
  vector: null,
  ...fields,
})
