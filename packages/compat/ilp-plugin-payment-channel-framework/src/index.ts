/** What `require('ilp-plugin-payment-channel-framework')` gives: the class of the plugin. */
export { Plugin as default } from './plugin.js'
