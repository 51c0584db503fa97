/** Which XRP Ledger, and where the seed of the account there is: options that several commands share. */
export interface XrpPlace {
  /** `wss://…` or `ws://…` */
  readonly xrp: string
  readonly seedFile?: string
}

/** Where the seed is if no file is named. */
export const seedVariable = 'MILLSTREAM_XRP_SEED'
