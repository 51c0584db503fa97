declare const brand: unique symbol

/** A value of type `Base` that went through the checks of one constructor: not interchangeable with other brands. */
export type Brand<Base, Name extends string> = Base & { readonly [brand]: Name }
