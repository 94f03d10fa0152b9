/** Settings for models and parallel runners, and the constants of the API. */
package com.mindspore.config;
