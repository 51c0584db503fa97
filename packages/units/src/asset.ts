/** What an amount counts. One base unit is `10 ** -scale` of `code`: XRP in drops has scale 6. */
export interface Asset {
  readonly code: string
  readonly scale: number
}
