/** What `require('ilp-plugin-xrp-escrow')` gives: the class of the plugin. */
export { Plugin as default } from './plugin.js'
