'use strict';
// TypeScript from source. esbuild exports by getters that look up in other getters, at every use of an import, and V8
// does not see through them: here, once a module has loaded, its exports become plain properties, as tsc would write.
// And it gives every function its name a second time, as a property, each time that one is made: that takes longer than most
// closures do, and functions with properties of their own are what V8 optimises worst. They keep the names that they have.
require('tsx/cjs');
const NAMES = 'var __name=(target,value)=>__defProp(target,"name",{value,configurable:true});';
const load = require.extensions['.ts'];
require.extensions['.ts'] = (module, filename) => {
  const compile = module._compile;
  module._compile = (code, ...rest) =>
    compile.call(module, code.replace(NAMES, 'var __name=(target)=>target;'), ...rest);
  load(module, filename);
  module.exports = { __esModule: true, ...module.exports };
};
