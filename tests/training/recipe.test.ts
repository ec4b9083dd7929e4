import { describe, expect, it } from 'vitest'
import { Network } from '../../src/model/network.js'
import { startFromScratch } from '../../src/model/weights.js'
import { chooseRecipe, outgrown, type TrainingShape } from '../../src/training/recipe.js'

const shape: TrainingShape = {
  items: 5000,
  textLength: 384,
  users: 2000,
  events: 40_000,
  longShare: 0.1,
  typeWeights: [0.5, 1],
  engine: 'wasm',
  start: 'text',
}
const recipeOf = (change: Partial<TrainingShape> = {}) => chooseRecipe({ ...shape, ...change }, 7)
const tokens = ({ options }: ReturnType<typeof recipeOf>, events: number) =>
  Math.min(options.epochs * events, (options.maxSteps ?? Infinity) * options.rowLength * options.rowsPerStep)

describe('recipe', () => {
  it('keeps to the budget of the engine, however large the data', () => {
    for (const events of [100, 10_000, 200_000, 5_000_000, 100_000_000]) {
      const [wasm, cpu] = [recipeOf({ events }), recipeOf({ events, engine: 'cpu' })]
      // All events once, whatever it takes, but where that would be days.
      expect(tokens(wasm, events)).toBeLessThanOrEqual(Math.max(4_900_000, events + 1024))
      expect(tokens(wasm, events)).toBeGreaterThanOrEqual(events)
      expect(tokens(cpu, events)).toBeLessThan(125_000)
      expect(wasm.options.epochs).toBeGreaterThanOrEqual(1)
      if (events <= 200_000) expect(tokens(wasm, events)).toBeLessThan(1_700_000)
    }
  })

  it('gives small shops more passes and smaller steps', () => {
    const [small, large] = [recipeOf({ events: 2000 }), recipeOf({ events: 150_000 })]
    expect(small.options.epochs).toBeGreaterThan(large.options.epochs)
    expect(small.options.rowsPerStep).toBeLessThan(large.options.rowsPerStep)
    expect(small.options.patience).toBeGreaterThanOrEqual(large.options.patience)
  })

  it('takes larger steps, at a higher rate, on an engine that is faster with them, where an epoch has enough', () => {
    const step = ({ options }: ReturnType<typeof recipeOf>) => options.rowLength * options.rowsPerStep
    const large = { events: 2_000_000 }
    const native = recipeOf({ ...large, engine: 'native' })
    expect(step(native)).toBeGreaterThan(step(recipeOf(large)))
    expect(native.options.rate).toBeGreaterThan(recipeOf(large).options.rate)
    expect(step(recipeOf({ events: 20_000, engine: 'native' }))).toBe(step(recipeOf({ events: 20_000 })))
  })

  it('fills more of a GPU the more memory it has', () => {
    const step = (gpuBytes: number) => recipeOf({ events: 20_000_000, engine: 'cuda', gpuBytes }).options.rowsPerStep
    expect(step(2 ** 32)).toBeGreaterThan(step(2 ** 31))
    expect(step(2 ** 37)).toBe(step(2 ** 36))
  })

  it('trains a twin only where it can be trained as long', () => {
    expect(recipeOf().twin).toMatchObject({ epochs: recipeOf().options.epochs, pull: 0, frozenEpochs: 0, seed: 7 })
    expect(recipeOf({ events: 5_000_000 }).twin).toBeNull()
  })

  it('goes on from the active version more gently, and not so its twin', () => {
    const small = { events: 10_000 }
    const [fresh, active] = [recipeOf(small), recipeOf({ ...small, start: 'active', freshEvents: 3000 })]
    expect(active.options.rate).toBeLessThan(fresh.options.rate)
    expect(active.options.pull).toBeGreaterThan(0)
    expect(active.twin?.rate).toBe(fresh.options.rate)
    expect(active.twin?.epochs).toBe(fresh.twin?.epochs)
    // The time that going on saves is not spent on a twin.
    const large = recipeOf({ events: 400_000, start: 'active', freshEvents: 80_000 })
    expect(large.twin).toBeNull()
    expect(tokens(large, 80_000)).toBeLessThanOrEqual(0.21 * tokens(recipeOf({ events: 400_000 }), 400_000))
  })

  it('says why it chose what it chose', () => {
    const { reasons } = recipeOf()
    for (const [name, reason] of Object.entries(reasons)) expect(reason, name).toMatch(/\w+ \w+/)
    expect(Object.keys(reasons)).toEqual(
      expect.arrayContaining(['width', 'blocks', 'dropout', 'epochs', 'rate', 'twin']),
    )
  })

  it('goes on with the network as it is, and says so', () => {
    const grown = { events: 400_000, users: 4000, longShare: 0.8 }
    const carried = recipeOf().config
    expect(recipeOf(grown).config).toMatchObject({ blocks: 2, maxLength: 100 })
    const { config, reasons } = recipeOf({ ...grown, start: 'active', freshEvents: 20_000, carried })
    expect(config).toEqual({ ...carried, dropout: 0.2 })
    for (const name of ['width', 'blocks', 'maxLength']) expect(reasons[name]).toMatch(/as the active version has it$/)
    expect(reasons.blocks).toMatch(/^1: /)
    expect(reasons.maxLength).toContain('looks back on 50 events')
  })

  it('says when the data have grown out of a network, not at the edge of that, and never that they shrank', () => {
    const { config } = recipeOf()
    const grown = { ...shape, events: 400_000, users: 4000, longShare: 0.8 }
    expect(outgrown(config, shape)).toBeNull()
    expect(outgrown(config, grown)).toContain('2 blocks and 100 events to look back on')
    expect(outgrown(config, { ...grown, longShare: 0.51 })).toBeNull()
    expect(outgrown(recipeOf(grown).config, shape)).toBeNull()
  })

  it('says how what the base knows is kept', () => {
    expect(recipeOf().reasons.freezing).toMatch(/first epoch, then learns at 0\.1 of the rate/)
    const going = recipeOf({ start: 'active', freshEvents: 3000 }).reasons
    expect(going.freezing).toContain('nothing is frozen')
    expect(going.pull).toContain('0.05 towards the active version')
  })

  it('makes a network that can be built, for vectors of any length', () => {
    for (const textLength of [2, 3, 5, 63, 384, 1536]) {
      const { config } = recipeOf({ textLength })
      expect(Network.fromArrays(config, startFromScratch(config, 3, 1)).vocabulary).toBe(3)
    }
  })
})
