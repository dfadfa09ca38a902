// What is worked out from an image's closures as a graph. Each analysis is a class of its own, in a file of its own,
// with what it found and how that is shown; dumper.h has one method for all of them.
#pragma once

#include "common/json.h"
#include "common/output.h"

namespace fastboot::inspect {

class Analysis {
 public:
  virtual ~Analysis() = default;
  virtual void text(tools::Output* out) const = 0;
  // Key and value, in the object of the file.
  virtual void json(tools::Json* json) const = 0;
};

}  // namespace fastboot::inspect
