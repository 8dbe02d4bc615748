#include "core/base/result.h"

namespace gatepost {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::permanent:
      return "permanent";
    case ErrorKind::temporary:
      return "temporary";
    case ErrorKind::config:
      return "config";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

std::string Error::text() const {
  return where.empty() ? what : where + ": " + what;
}

}  // namespace gatepost
