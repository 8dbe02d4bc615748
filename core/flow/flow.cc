#include "core/flow/flow.h"
