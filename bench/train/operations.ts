import * as tf from '@tensorflow/tfjs-core'

/**
 * Counts kernel launches from now on: of a native library the calls into it, which some of the work reaches without a kernel
 * of TensorFlow.js, else the kernels. Only this thread's: those of a run's other threads are not seen. Slows what it counts, so it is for a pass that is not timed.
 * @returns the number so far
 */
export function countOperations(): () => number {
  let count = 0
  const counted =
    <A extends unknown[], R>(call: (...args: A) => R) =>
    (...args: A): R => {
      count++
      return call(...args)
    }
  const backend = tf.backend() as { binding?: { executeOp: (...args: unknown[]) => unknown } }
  if (backend.binding) {
    const { binding } = backend
    backend.binding = Object.create(binding, {
      executeOp: { value: counted((...args: unknown[]) => binding.executeOp(...args)) },
    }) as typeof binding
  } else {
    for (const kernel of tf.getKernelsForBackend(tf.getBackend())) kernel.kernelFunc = counted(kernel.kernelFunc)
  }
  return () => count
}
