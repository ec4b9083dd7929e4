import { expect, it } from 'vitest'
import { fitConditionalLogit, logitLoss, type Choice } from '../../src/model/conditional-logit.js'
import { Random } from '../../src/model/random.js'

const TRUE = [1.5, 0, 0.5]

function choices(count: number, coefficients = TRUE): Choice[] {
  const random = new Random(4)
  return Array.from({ length: count }, () => {
    const features = random.normals(40 * 3, 1)
    const utility = Array.from({ length: 40 }, (_, row) => {
      const gumbel = -Math.log(-Math.log(Math.max(1e-12, random.next())))
      return gumbel + coefficients.reduce((sum, value, c) => sum + value * features[row * 3 + c], 0)
    })
    return { features, targets: [utility.indexOf(Math.max(...utility))], weight: 1 / count }
  })
}
const OPTIONS = { prior: [0, 0, 0], pull: 1e-6, allowed: [true, true, true] }

it('recovers the coefficients that made the choices', () => {
  fitConditionalLogit(choices(2000), OPTIONS).forEach((value, c) =>
    expect(Math.abs(value - TRUE[c])).toBeLessThan(0.12),
  )
})

it('finds the lowest loss there is without negative coefficients', () => {
  const data = choices(300, [1, -1, 0.5])
  const fitted = fitConditionalLogit(data, OPTIONS)
  expect(fitted[1]).toBe(0)
  const lowest = logitLoss(data, fitted)
  for (let c = 0; c < 3; c++) {
    for (const step of [-0.05, 0.05]) {
      const other = fitted.map((value, d) => (c === d ? Math.max(0, value + step) : value))
      expect(logitLoss(data, other)).toBeGreaterThanOrEqual(lowest)
    }
  }
})

it('stays at the prior under a strong pull, and leaves out what is not allowed', () => {
  const pulled = fitConditionalLogit(choices(100), { ...OPTIONS, prior: [0.2, 0.4, 0.6], pull: 1e6 })
  pulled.forEach((value, c) => expect(value).toBeCloseTo([0.2, 0.4, 0.6][c], 3))
  expect(fitConditionalLogit(choices(100), { ...OPTIONS, allowed: [false, true, true] })[0]).toBe(0)
})
