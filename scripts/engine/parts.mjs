// What each engine is made of: every file with its SHA-256. A new version of any of them is a change of this list, and
// makes an engine that was built before it out of date.

const NPM = {
  addon: npm(
    '@tensorflow/tfjs-node',
    '4.22.0',
    228_166,
    'd38a448a705efc6e655a080f896b3af646ae39dffbfe9c90b06cb9fc3a2b9358',
  ),
  gpuAddon: npm(
    '@tensorflow/tfjs-node-gpu',
    '4.22.0',
    223_379,
    'afd5599ee1662e732c00a0ad1f52a3d001bdc118a1f44bd592a0a0ebf2daa4c7',
  ),
  headers: npm('node-api-headers', '1.5.0', 16_717, '59d0c186cb2db56fb5219219fdbcfb0573c33ff772494a23940564b9cfff881c'),
  webgpu: npm('webgpu', '0.6.2', 51_264_151, '77a6be6513b9f7c2e94425620ce603efb38cdc5d0393e1b31a1b0c8479330ffd'),
  webgpuKernels: npm(
    '@tensorflow/tfjs-backend-webgpu',
    '4.22.0',
    2_979_748,
    'e60089ded350de2a7ec0b367bd44c62a516da312d69a84a3f2e1aa3bb31c97e6',
  ),
}

// The C library, its licences, and of its headers those that the addon includes.
const TENSORFLOW =
  /^(tensorflow\/(libtensorflow_(cc|framework)\.so\.2|THIRD_PARTY_NOTICES\.txt|include\/(LICENSE|tensorflow\/c\/.*|(tensorflow\/core|tsl)\/platform\/ctstring.*\.h|xla\/tsl\/c\/.*\.h)))$/
// The libraries, and the few files of the compiler that TensorFlow calls; no headers.
const CUDA = /^nvidia\/([^/]+\/lib\/.*|cuda_nvcc\/(bin\/ptxas|nvvm\/libdevice\/.*))$/

/** TensorFlow's own download, which is what installing the npm package takes: smaller, where it can be reached. */
export const OWN_DOWNLOAD = {
  name: 'libtensorflow',
  version: '2.9.1',
  url: 'https://storage.googleapis.com/tensorflow/libtensorflow/libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
  file: 'libtensorflow-cpu-linux-x86_64-2.9.1.tar.gz',
  sha256: '7f510d2546e3db5e10b1d119463689003d587842892ad3c95bca51cf82820173',
  // `name.so.2` is what the addon is linked to and looks for; the archive holds it as a link.
  only: /^(lib\/libtensorflow(_framework)?\.so\.2\.9\.1|LICENSE|THIRD_PARTY_TF_C_LICENSES|include\/.*)$/,
}

/** @typedef {{ name: string, version: string, size: number, sha256: string, file: string, only?: RegExp }} Part */

export const ENGINES = {
  native: {
    does: 'TensorFlow on the processor',
    addon: NPM.addon,
    headers: NPM.headers,
    libraries: [
      wheel(
        'tensorflow-cpu',
        '2.18.1',
        'tensorflow_cpu-2.18.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
        230_236_181,
        '810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298',
        TENSORFLOW,
      ),
    ],
    unpacked: 684_000_000,
  },
  cuda: {
    does: 'TensorFlow on an NVIDIA GPU',
    addon: NPM.gpuAddon,
    headers: NPM.headers,
    // All that TensorFlow 2.18.1 pins, but for nccl, which joins several GPUs.
    libraries: [
      wheel(
        'tensorflow',
        '2.18.1',
        'tensorflow-2.18.1-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
        615_510_377,
        'c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828',
        TENSORFLOW,
      ),
      nvidia('cublas', '12.5.3.2', 363_313_169, 'ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b'),
      nvidia('cuda-cupti', '12.5.82', 13_811_507, 'bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953'),
      nvidia('cuda-nvcc', '12.5.82', 22_468_537, 'b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0'),
      nvidia('cuda-nvrtc', '12.5.82', 24_873_108, '3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd'),
      nvidia('cuda-runtime', '12.5.82', 895_707, '3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115'),
      nvidia('cudnn', '9.3.0.75', 577_163_502, '9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d'),
      nvidia('cufft', '11.2.3.61', 192_524_114, '9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8'),
      nvidia('curand', '10.3.6.82', 56_309_107, '2823fb27de4e44dbb22394a6adf53aa6e1b013aca0f8c22867d1cfae58405536'),
      nvidia('cusolver', '11.6.3.83', 130_341_232, '93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b'),
      nvidia('cusparse', '12.5.1.3', 217_558_979, '016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752'),
      nvidia('nvjitlink', '12.5.82', 21_298_879, 'f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212'),
    ],
    unpacked: 3_780_000_000,
  },
  webgpu: {
    does: 'any GPU with a Vulkan, Metal or Direct3D 12 driver; answers later, so it is used only when asked for',
    packages: [NPM.webgpu, NPM.webgpuKernels],
    unpacked: 22_000_000,
  },
}

/** Every part that is downloaded for an engine. @returns {Part[]} */
export const partsOf = ({ libraries = [], packages = [], addon, headers }) =>
  [...libraries, ...packages, addon, headers].filter(Boolean)

function npm(name, version, size, sha256) {
  return { name, version, size, sha256, file: `${name.replace('@', '').replace('/', '-')}-${version}.tgz` }
}

function wheel(name, version, file, size, sha256, only) {
  return { name, version, size, sha256, file, only }
}

function nvidia(short, version, size, sha256) {
  const name = `nvidia-${short}-cu12`
  return wheel(
    name,
    version,
    `${name.replaceAll('-', '_')}-${version}-py3-none-manylinux2014_x86_64.whl`,
    size,
    sha256,
    CUDA,
  )
}
