import { afterAll, describe, it } from 'vitest'
import { checkEngines } from '../../src/platform/engine-check.js'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { expectAgreement, leftOut, STEPS } from './agreement.js'

// All but cuda: a process can hold only one of the two native libraries, so that one has a file of its own.
describe('the engines agree', () => {
  afterAll(() => startTensorflow('cpu'))

  it(`on the loss of ${STEPS} steps from the same seed and data, to 1e-3`, async () => {
    const checks = (await checkEngines()).filter(({ engine }) => engine !== 'cpu' && engine !== 'cuda')
    for (const { engine, works, reason } of checks) if (!works) leftOut(engine, reason)
    await expectAgreement(checks.filter(({ works }) => works).map(({ engine }) => engine))
  }, 240_000)
})
