// Linking, the image anew: closures that stay, one behind the other in the order in which they were.
#pragma once

#include "reloc/link_fold.h"
#include "reloc/link_heap.h"

namespace fastboot::reloc {

// Makes the parts, the streams, and the addresses of `model` those of an image that holds what is in `live` and not
// gone. With `drop_targets`, targets that nothing needs any more go, too. `heap` is the model's; `folding` is used up.
format::Result<void> compact(const LinkHeap& heap, const WordSet& live, Folding* folding, bool drop_targets,
                             format::Model* model);

}  // namespace fastboot::reloc
