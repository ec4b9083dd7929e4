type Scalar = string | number | boolean

/** All that is said has to hold. Moments are RFC 3339. */
export interface Condition {
  eq?: Scalar
  ne?: Scalar
  any?: Scalar[]
  in?: Scalar[]
  all?: Scalar[]
  none?: Scalar[]
  gt?: string | number
  gte?: string | number
  lt?: string | number
  lte?: string | number
  exists?: boolean
}

/** Which items may be in an answer, as `{ categories: { any: ['shoes'] }, 'attributes.brand': { eq: 'Acme' } }`. */
export interface Filter {
  itemId?: Condition
  title?: Condition
  categories?: Condition
  price?: Condition
  available?: Condition
  publishedAt?: Condition
  expiresAt?: Condition
  [attribute: `attributes.${string}`]: Condition
  and?: Filter[]
  or?: Filter[]
  not?: Filter
}
