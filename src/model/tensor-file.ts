export type TensorData = Float32Array | Int32Array | Uint32Array | Uint8Array | Int8Array | Float64Array

/** Arrays by name, each with its shape (row-major; [] is a scalar). */
export type NamedArrays = Record<string, { shape: number[]; data: TensorData }>

type DataType = 'F64' | 'F32' | 'I32' | 'U32' | 'I8' | 'U8'

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  I8: Int8Array,
  U8: Uint8Array,
} as const

interface Entry {
  dtype: DataType
  shape: number[]
  data_offsets: [number, number]
}

const METADATA = '__metadata__'
const LENGTH_BYTES = 8
// The limit of the reference implementation: a header past it is a broken or hostile file, not a model.
const MAX_HEADER_BYTES = 100_000_000

/**
 * Writes arrays as a safetensors file (https://github.com/huggingface/safetensors): a length, a JSON header, raw
 * little-endian data. The same arrays and metadata always give the same bytes, whatever the order of their names.
 * @throws Error when a shape does not fit its data or a name is reserved.
 */
export function encodeTensors(arrays: NamedArrays, metadata: Record<string, string> = {}): Uint8Array {
  // Wide elements first: each array then starts at a multiple of its element's size without gaps.
  const names = Object.keys(arrays).sort((a, b) => {
    const width = arrays[b].data.BYTES_PER_ELEMENT - arrays[a].data.BYTES_PER_ELEMENT
    return width !== 0 ? width : a < b ? -1 : 1
  })
  const header: [string, unknown][] = []
  const keys = Object.keys(metadata).sort()
  if (keys.length > 0) header.push([METADATA, Object.fromEntries(keys.map((key) => [key, metadata[key]]))])
  let end = 0
  for (const name of names) {
    if (name === METADATA) throw new Error(`An array can't be named ${METADATA}`)
    const { shape, data } = arrays[name]
    if (sizeOf(shape) !== data.length) {
      throw new Error(
        `Array "${name}" has ${data.length} elements, its shape [${shape.join(', ')}] needs another number`,
      )
    }
    const start = end
    end += data.byteLength
    header.push([name, { dtype: dataTypeOf(data), shape, data_offsets: [start, end] }])
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)))
  const headerLength = Math.ceil(json.length / 8) * 8
  const bytes = new Uint8Array(LENGTH_BYTES + headerLength + end)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerLength), true)
  bytes.fill(0x20, LENGTH_BYTES, LENGTH_BYTES + headerLength)
  bytes.set(json, LENGTH_BYTES)
  let offset = LENGTH_BYTES + headerLength
  for (const name of names) {
    const { data } = arrays[name]
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), offset)
    offset += data.byteLength
  }
  return bytes
}

/**
 * Reads a safetensors file. The arrays are copies: they stay valid when `bytes` is reused.
 * Nothing in the header is trusted: every length, type, shape and offset is checked before memory is taken.
 * @throws Error saying what is wrong with a truncated, damaged or foreign file.
 */
export function decodeTensors(bytes: Uint8Array): { arrays: NamedArrays; metadata: Record<string, string> } {
  if (bytes.length < LENGTH_BYTES) throw broken(`${bytes.length} bytes are too few for a header`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const declared = view.getBigUint64(0, true)
  if (declared > BigInt(Math.min(bytes.length - LENGTH_BYTES, MAX_HEADER_BYTES))) {
    throw broken(`its header claims ${declared.toString()} bytes, the file has ${bytes.length}`)
  }
  const dataStart = LENGTH_BYTES + Number(declared)
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart))
  // Objects without a prototype: a name such as "__proto__" is only a name.
  const arrays = Object.create(null) as NamedArrays
  const metadata = Object.create(null) as Record<string, string>
  const spans: [number, number][] = []
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) {
      if (!isRecord(value)) throw broken('its metadata is not an object')
      for (const [key, text] of Object.entries(value)) {
        if (typeof text !== 'string') throw broken(`its metadata "${key}" is not a string`)
        metadata[key] = text
      }
      continue
    }
    const { dtype, shape, data_offsets: span } = checkEntry(name, value, bytes.length - dataStart)
    spans.push(span)
    const own = new Uint8Array(span[1] - span[0])
    own.set(bytes.subarray(dataStart + span[0], dataStart + span[1]))
    arrays[name] = { shape, data: new ARRAYS[dtype](own.buffer) }
  }
  spans.sort((a, b) => a[0] - b[0] || a[1] - b[1])
  let end = 0
  for (const span of spans) {
    if (span[0] !== end) throw broken(`its data has a gap or an overlap at byte ${Math.min(span[0], end)}`)
    end = span[1]
  }
  if (end !== bytes.length - dataStart) throw broken(`its arrays end at byte ${end} of ${bytes.length - dataStart}`)
  return { arrays, metadata }
}

function checkEntry(name: string, value: unknown, available: number): Entry {
  const wrong = (what: string) => broken(`array "${name}" ${what}`)
  if (!isRecord(value)) throw wrong('has no description')
  const { dtype, shape, data_offsets: span } = value
  if (typeof dtype !== 'string' || !Object.hasOwn(ARRAYS, dtype)) throw wrong('has a type that is not supported')
  if (!Array.isArray(shape) || !shape.every(isCount)) throw wrong('has no valid shape')
  if (!Array.isArray(span) || span.length !== 2 || !span.every(isCount)) throw wrong('has no valid offsets')
  const [start, end] = span as [number, number]
  if (start > end || end > available)
    throw wrong(`lies at bytes ${start} to ${end} of ${available}: is the file cut short?`)
  const type = dtype as DataType
  if (sizeOf(shape) * ARRAYS[type].BYTES_PER_ELEMENT !== end - start) {
    throw wrong(`of shape [${shape.join(', ')}] can't have ${end - start} bytes`)
  }
  return { dtype: type, shape: shape, data_offsets: [start, end] }
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    throw broken('its header is not JSON')
  }
  if (!isRecord(header)) throw broken('its header is not an object')
  return header
}

function dataTypeOf(data: TensorData): DataType {
  const found = (Object.keys(ARRAYS) as DataType[]).find((type) => data instanceof ARRAYS[type])
  if (!found) throw new Error('This kind of array is not supported')
  return found
}

const sizeOf = (shape: number[]) => shape.reduce((size, length) => size * length, 1)
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const broken = (what: string) => new Error(`Not a usable tensor file: ${what}`)
