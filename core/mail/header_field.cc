#include "core/mail/header_field.h"
