import { afterAll, describe, it } from 'vitest'
import { startTensorflow } from '../../src/platform/tensorflow.js'
import { expectAgreement, leftOut, STEPS } from './agreement.js'

describe('cuda agrees', () => {
  afterAll(() => startTensorflow('cpu'))

  it(`on the loss of ${STEPS} steps from the same seed and data, to 1e-3`, async () => {
    const missing = await startTensorflow('cuda').then(
      () => null,
      (error: Error) => error.message,
    )
    if (missing === null) await expectAgreement(['cuda'])
    else leftOut('cuda', missing)
  })
})
