import { setImmediate } from 'node:timers/promises'
import type { ItemsService } from '../catalog/items.service.js'
import type { Reads } from '../platform/database.js'
import type { CatalogMirror } from './catalog-mirror.js'
import type { LiveWords } from './live-words.js'
import { RawVectors } from './preparation.js'

/** So many are taken before other tenants' requests have their turn. */
export const ITEMS_AT_ONCE = 50

/**
 * Reads the items that a new model knows into its catalogue and its words.
 * @returns their vectors as they are stored, and how far was read
 */
export async function readCatalog(
  items: ItemsService,
  tenantId: string,
  catalog: CatalogMirror,
  words: LiveWords | null,
  reads: Reads,
): Promise<{ raw: RawVectors; horizon: string }> {
  const raw = new RawVectors(catalog.length)
  const horizon = await items.changesSince(
    tenantId,
    null,
    async (page) => {
      for (const [place, item] of page.entries()) {
        const index = catalog.put(item)
        if (index !== null) raw.set(index, item.vector)
        words?.put(catalog.indexOf(item.itemId)!, item)
        if (place % ITEMS_AT_ONCE === ITEMS_AT_ONCE - 1) await setImmediate()
      }
    },
    reads,
  )
  return { raw, horizon }
}
