import type { NetworkVectors } from '../model/ensemble.js'
import type { Interaction } from '../model/history.js'
import type { Network } from '../model/network.js'
import type { CatalogMirror } from './catalog-mirror.js'

/** A version's network with a vector for each item of a catalogue that goes on changing. */
export class LiveNetwork {
  private rows: Float32Array

  /** The catalogue's first items are the network's vocabulary. */
  constructor(
    private readonly network: Network,
    private readonly catalog: CatalogMirror,
  ) {
    this.rows = network.itemVectors(catalog.text)
  }

  get width(): number {
    return this.network.config.width
  }

  /** [catalog.size, width]. A view: it changes with the catalogue. */
  get vectors(): Float32Array {
    return this.rows.subarray(0, this.catalog.size * this.width)
  }

  /** Estimated memory, weights included. */
  get bytes(): number {
    return 2 * this.rows.byteLength
  }

  /** As the ensemble asks for it. */
  get parts(): NetworkVectors {
    const { width, vectors } = this
    return { width, vectors }
  }

  /** The user's vector after a history (oldest first), [width]. @param now milliseconds since 1970 */
  encode(history: Interaction[], now: number): Float32Array {
    return this.network.encode([history], this.vectors, [now])
  }

  /** Follows the catalogue where items are new or changed. One past the vocabulary has no residual: it is what its text says. */
  update(items: number[]): void {
    if (items.length === 0) return
    const { network, catalog, width } = this
    if (this.rows.length < catalog.size * width) {
      const longer = new Float32Array(2 * catalog.size * width)
      longer.set(this.rows)
      this.rows = longer
    }
    const vectors = network.textVectors(catalog.text.gather(items))
    const residual = network.weights.residual.data
    items.forEach((item, i) => {
      for (let k = 0; k < width; k++) {
        const own = item < network.vocabulary ? residual[item * width + k] : 0
        this.rows[item * width + k] = vectors[i * width + k] + own
      }
    })
  }

  dispose(): void {
    this.network.dispose()
  }
}
